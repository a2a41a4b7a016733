"""What Okno runs with: settings from the environment, the embedded servers, the supervisor."""
