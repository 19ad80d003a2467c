"""Pictures from anywhere on the web, fetched for posters: nothing of ours is asked for them, and nothing in them is believed.

A product's picture is an address that somebody wrote. The address that a connection really goes to is looked at, not its
name: so neither a redirect nor a name that changes its mind leads to a machine of ours.
"""

import asyncio
import socket
from collections.abc import Callable, Collection
from io import BytesIO
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import aiohttp
import structlog
from aiohttp.abc import AbstractStreamWriter  # noqa: F401
from PIL import Image, ImageOps
from yarl import URL

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 5.0
"""For all of it, redirects included."""
MOST_BYTES = 8_388_608
MOST_PIXELS = 40_000_000
MOST_REDIRECTS = 3
"""A phone's photograph has 12 to 50 million pixels; a shop's, one or two."""
