"""The project's own database: windows, the review queue, labels and the outbox."""
