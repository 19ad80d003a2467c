"""Shipments (发货): parcels, where they are, and what must be told about them.

Words: shipment 包裹, carrier 快递公司, tracking number 运单号, tracking event 物流轨迹, receipt 确认收货, handover 自提核销,
shipping information 发货信息录入 (WeChat wants it before it settles the money).
Leans on orders, suppliers and the trail.
"""
