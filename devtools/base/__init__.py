"""Used by all other parts: messages to the person, paths, processes, locks."""
