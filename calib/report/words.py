"""The words of a report, explained; the glossary of the documentation says more."""

GLOSSARY = (
    ("confidence", "What the model states about its own answer, from 0 to 1."),
    ("raw, served", "Raw: as the model stated it. Served: what production used, after the mapping."),
    (
        "ECE (expected calibration error)",
        "The average distance between stated confidence and observed accuracy. 0 is perfect; 0.10 means "
        "that a stated 0.90 is right in about 80 or in about 100 of 100 cases.",
    ),
    ("95% interval", "A range that holds the true value in 95 of 100 cases."),
    (
        "AUROC",
        "How well the confidence distinguishes correct answers from wrong ones: 0.5 not at all, 1 always.",
    ),
    ("baseline", "The labels of up to six earlier periods since the last confirmed change."),
    ("p", "The probability of a difference at least this large if nothing had changed."),
    (
        "minimum detectable rise",
        "The smallest true rise of the ECE that these labels would have detected with 80% power.",
    ),
    ("mapping", "The function that makes the served confidence of the raw one."),
    (
        "certificate",
        "A cut on the raw confidence with an accuracy above it that is proven from labels, with 95% "
        "confidence.",
    ),
    ("threshold", "The confidence from which production acts without a person."),
    ("stratum", "A set of predictions with similar stated confidence, from which the sample is drawn."),
)
