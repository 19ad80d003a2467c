"""What an address is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Destination:
    """To whom and where a parcel goes. `region_code` is that of the district (GB/T 2260)."""

    recipient: str
    phone: str
    province: str
    city: str
    district: str
    region_code: str
    street: str
