"""Users and their access tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

__all__ = ["Accounts", "Token"]


@dataclass(frozen=True)
class Token:
    """What a token's bearer may do: act as `user`, in the namespaces `user` and `organizations`."""

    value: str
    user: str
    write: bool
    organizations: tuple[str, ...] = ()

    def belongs_to(self, namespace: str) -> bool:
        """Say whether the bearer is a member of `namespace`."""
        return namespace == self.user or namespace in self.organizations


class Accounts:
    """The tokens this Hub has given out."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def issue(self, user: str, *, write: bool, organizations: tuple[str, ...]) -> Token:
        """Give out a new token."""
        token = Token(f"hf_{secrets.token_hex(17)}", user, write, organizations)
        self._tokens[token.value] = token
        return token

    def find(self, value: str) -> Token | None:
        """Return the token, None when this Hub never gave it out."""
        return self._tokens.get(value)

    def clear(self) -> None:
        """Revoke every token."""
        self._tokens.clear()
