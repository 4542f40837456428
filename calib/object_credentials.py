"""Which credentials obstore looks for in the environment, by kind of store, and which are there: names."""

from __future__ import annotations

from collections.abc import Mapping

# By kind of store: each way to sign in with the variables that it needs, in the order in which it is tried.
WAYS = {
    "s3": (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ),
    "gs": (("GOOGLE_SERVICE_ACCOUNT",), ("GOOGLE_SERVICE_ACCOUNT_KEY",), ("GOOGLE_APPLICATION_CREDENTIALS",)),
    "az": (
        ("AZURE_STORAGE_ACCOUNT_KEY",),
        ("AZURE_STORAGE_SAS_KEY",),
        ("AZURE_STORAGE_CLIENT_ID", "AZURE_STORAGE_CLIENT_SECRET", "AZURE_STORAGE_TENANT_ID"),
        ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"),
        ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"),
    ),
}
KINDS = {"s3a": "s3", "azure": "az", "abfs": "az", "abfss": "az", "adl": "az"}


def credentials(url: str, environment: Mapping[str, str]) -> str | None:
    """What is used to sign in at a cloud's store, in words; None for a store that needs nothing.

    Nothing is read but whether a variable is set: its value stays where it is.
    """
    kind, _, _ = url.partition("://")
    ways = WAYS.get(KINDS.get(kind, kind))
    if ways is None:
        return None
    for way in ways:
        if all(environment.get(name) for name in way):
            return f"signs in with {' and '.join(way)}"
    begun = sorted({name for way in ways for name in way if environment.get(name)})
    half = f", where {', '.join(begun)} alone is set" if begun else ""
    wanted = ", ".join(" with ".join(way) for way in ways)
    return f"no credentials in the environment{half} (read are {wanted}): this machine's own role is asked"
