"""Tests: they mirror the rooms, run on real servers, and share one database in which each test has its own workspace."""
