"""The application: its users and groups."""
