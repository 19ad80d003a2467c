"""Points: earned, spent, given back, expired, and the same in every book."""
