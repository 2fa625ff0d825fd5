"""Pages to look at: a run, a campaign or a machine as one self-contained HTML file, the same live, and the review."""
