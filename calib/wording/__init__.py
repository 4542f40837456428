"""Facts in words: one wording for one fact, in the terminal, in Slack, in pull requests and in reports."""
