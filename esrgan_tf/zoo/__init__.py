"""Small generators that this project has trained and brings along, each with a card that says how well, and on what."""
