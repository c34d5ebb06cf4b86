"""What every other part stands on: messages to the person, paths, processes, locks."""
