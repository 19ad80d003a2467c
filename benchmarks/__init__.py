"""What the market can do, as ratios against a ceiling measured in the same run. `make bench` runs all of it."""
