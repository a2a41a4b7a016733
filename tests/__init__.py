"""Tests: they mirror the rooms, run on real servers, and share one database, a workspace for each test."""
