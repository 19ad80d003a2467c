"""Tests of lucky draws."""
