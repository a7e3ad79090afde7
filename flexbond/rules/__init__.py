"""Rules as files, and named presets with the source of every value."""

from flexbond.rules.library import find, names, preset, preset_text, presets, template, template_text
from flexbond.rules.reading import load, loads
from flexbond.rules.rulefile import Accuracy, Confidence, Provenance, RuleFile, rule_file_of
from flexbond.rules.writing import parameters, to_json, to_yaml

__all__ = [
    "Accuracy",
    "Confidence",
    "Provenance",
    "RuleFile",
    "find",
    "load",
    "loads",
    "names",
    "parameters",
    "preset",
    "preset_text",
    "presets",
    "rule_file_of",
    "template",
    "template_text",
    "to_json",
    "to_yaml",
]
