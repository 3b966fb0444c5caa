"""Where the project and what may lie beside it are."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
FIXTURES = TESTS / "fixtures"
ROOT = TESTS.parent
SHARED = ROOT.parent / "shared"  # data that the project itself does not hold; tests of it skip where it is not there
