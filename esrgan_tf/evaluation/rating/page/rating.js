// One image after the other in an order of the rater's own; the answers stay here until they are downloaded as CSV.

const $ = (id) => document.getElementById(id);
const trials = await (await fetch("trials.json")).json();
let session = null; // {rater, seed, order: [file], answers: [{score, seconds}]}
let shownAt = 0;
let seen = false;

$("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  const rater = $("rater").value.trim();
  if (!rater) return;
  session = resumed(rater) || begun(rater);
  $("begin").hidden = true;
  show();
});
$("scores").addEventListener("click", ({ target }) => target.dataset.score && answer(Number(target.dataset.score)));
$("back").addEventListener("click", back);
$("image").addEventListener("load", () => {
  seen = true;
  $("image").style.visibility = "";
  shownAt = performance.now();
});
$("image").addEventListener("error", () => {
  $("status").textContent = "This image cannot be loaded: try again later. Your answers are kept.";
});
document.addEventListener("keydown", ({ key, repeat, ctrlKey, metaKey, altKey }) => {
  if (!session || $("trial").hidden || repeat || ctrlKey || metaKey || altKey) return;
  if (key >= "1" && key <= "5" && key.length === 1) answer(Number(key));
  else if (key === "Backspace") back();
});

/** What this rater has answered here before, of these images; `null` where there is nothing. */
function resumed(rater) {
  const kept = JSON.parse(localStorage.getItem(place(rater)) || "null");
  const same = kept && [...kept.order].sort().join() === [...trials].sort().join();
  return same ? kept : null;
}

function begun(rater) {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  return { rater, seed, order: shuffled(trials, seed), answers: [] };
}

function place(rater) {
  return `rating ${location.pathname} ${rater}`;
}

/** Fisher and Yates' shuffle by a generator of 32 bits (mulberry32), so that a seed gives one order everywhere. */
function shuffled(items, seed) {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  const order = [...items];
  for (let index = order.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [order[index], order[other]] = [order[other], order[index]];
  }
  return order;
}

function answer(score) {
  if (!seen) return; // the image is not there yet
  session.answers.push({ score, seconds: Math.round((performance.now() - shownAt) / 100) / 10 });
  show();
}

function back() {
  session.answers.pop();
  show();
}

/** The next image, or the end. */
function show() {
  localStorage.setItem(place(session.rater), JSON.stringify(session));
  const done = session.answers.length;
  const over = done === session.order.length;
  $("trial").hidden = over;
  $("end").hidden = !over;
  if (over) {
    $("thanks").focus();
    $("download").href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv())}`;
    $("download").download = `rating_${session.rater.replace(/[^\w-]/g, "_")}.csv`;
    return;
  }
  $("status").textContent = `Image ${done + 1} of ${session.order.length}`;
  if (!done) $("status").focus();
  $("back").disabled = !done;
  seen = false;
  $("image").style.visibility = "hidden";
  $("image").src = `images/${session.order[done]}`;
  new Image().src = `images/${session.order[done + 1] || session.order[done]}`; // so that the next one is there at once
}

function csv() {
  const rater = /[",\n]/.test(session.rater) ? `"${session.rater.replaceAll('"', '""')}"` : session.rater;
  const lines = session.answers.map(({ score, seconds }, index) =>
    [rater, session.seed, index + 1, session.order[index], score, seconds].join(","));
  return `${["rater,seed,position,trial,score,seconds", ...lines].join("\n")}\n`;
}
