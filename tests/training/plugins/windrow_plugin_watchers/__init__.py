"""Observers for windrow in a module that is found by its name; this file does not import torch."""

OBSERVERS = {
    "clumsy": "windrow_plugin_watchers.observers:Clumsy",
    "lost": "windrow_plugin_watchers.nowhere:Lost",
    "stranger": "windrow_plugin_watchers.observers:Stranger",
}
