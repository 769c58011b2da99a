"""Connects the receivers of the peers' roads."""

from __future__ import annotations

from django.apps import AppConfig


class PeersConfig(AppConfig):
    name = "benchmarks.peers"
    label = "peers"

    def ready(self) -> None:
        from benchmarks.peers import receivers

        receivers.connect()
