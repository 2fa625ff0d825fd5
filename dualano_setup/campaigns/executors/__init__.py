"""Where the jobs of a campaign run. Each has four verbs: submit, poll, cancel, logs."""
