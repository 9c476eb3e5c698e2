"""Tells pip the version, which stands in package.xml. Everything else about the package stands in pyproject.toml."""

from pathlib import Path
from xml.etree import ElementTree

from setuptools import setup

setup(version=ElementTree.parse(Path(__file__).parent / "package.xml").findtext("version"))
