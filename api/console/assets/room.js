// A room as it is known to a page: read once, then kept up to date by its numbered events. Draws nothing.
import { useEffect, useState } from './htm-preact.min.js';

const MOST_COMMENTS = 300;
const UNITS_EVERY = 4000; // milliseconds; how much is left of a sale is no event
const LISTS = { flashSale: 'flashSales', groupBuyCampaign: 'groupBuyCampaigns', couponBatch: 'couponBatches', draw: 'draws' };

/** Where a room stands after an event; other kinds leave that as it is. */
const STATES = { WENT_LIVE: 'LIVE', RESUMED: 'LIVE', PAUSED: 'PAUSED', ENDED: 'ENDED', CANCELLED: 'CANCELLED' };

export class LiveRoom {
  /** `onChange` is called after each change; `documents` name the query of the room. */
  constructor(market, id, onChange) {
    Object.assign(this, { market, id, _onChange: onChange });
    Object.assign(this, { room: null, items: [], onAirId: null, comments: [], notice: null, counters: null, refused: null });
    Object.assign(this, {
      flashSales: [],
      groupBuyCampaigns: [],
      couponBatches: [],
      draws: [],
      tickets: [],
      orders: [],
      groups: [],
    });
    this.lastEvent = 0;
  }

  /** Read the room, and follow it from then on. */
  async open() {
    const room = await this.market.ask('ConsoleRoom', { id: this.id });
    const [comments, draws] = await Promise.all([
      // after the room: what was written between the two is in the list or still to be told, never in neither
      this.market.ask('ConsoleComments', { roomId: this.id }).catch(() => null),
      this.market.ask('ConsoleDraws', { roomId: this.id }).catch(() => null),
    ]);
    if (this._isClosed) return;
    this._take(room);
    if (!room) return;
    this.comments = [...(comments?.nodes ?? [])].reverse();
    this.draws = draws?.nodes ?? [];
    this._counting = setInterval(() => this._recount(), UNITS_EVERY);
    this._stop = this.market.watch('RoomEvents', 'RoomNews', { roomId: this.id, since: this.lastEvent }, (news) =>
      this._hear(news),
    );
    this._onChange();
  }

  close() {
    this._isClosed = true;
    this._stop?.();
    clearTimeout(this._rereading);
    clearInterval(this._counting);
  }

  get onAir() {
    return this.items.find(({ id }) => id === this.onAirId) ?? null;
  }

  get isOn() {
    return ['LIVE', 'PAUSED'].includes(this.room?.state);
  }

  /** Take a room as an answer has it, unless something newer is known. */
  take(room) {
    if (room && Number(room.lastEvent) >= this.lastEvent) this._take(room);
    this._onChange();
  }

  /** Take a promotion as an answer has it: { flashSale }, { draw } and so on. */
  promote(told) {
    this._promote(told);
    this._onChange();
  }

  _take(room) {
    if (!room) {
      this.refused = { code: 'NOT_FOUND' };
      return this._onChange();
    }
    this.market.setClock(room.serverTime);
    this.room = room;
    this.items = room.items.filter(({ product }) => product);
    this.onAirId = room.onAir?.id ?? null;
    this.lastEvent = Math.max(this.lastEvent, Number(room.lastEvent));
    this.shelfRead = (this.shelfRead ?? 0) + 1;
    for (const list of Object.values(LISTS)) this[list] = merged(this[list], [...(room[list] ?? [])].reverse());
  }

  _hear(news) {
    if (news.code) this.refused = news;
    else if (news.__typename === 'RoomPersonalNews') this._hearOfMine(news);
    else {
      for (const event of news.events) {
        this._hearSaid(event);
        if (event.number > this.lastEvent) this._apply(event);
      }
      this.lastEvent = Math.max(this.lastEvent, Number(news.lastEvent));
      this.counters = news.counters;
      if (news.mine) this._hearOfMine(news.mine);
    }
    this._onChange();
  }

  /** Take what is one's own as an answer has it: { tickets }, { orders } and so on. */
  takeMine(own) {
    this._hearOfMine(own);
    this._onChange();
  }

  _hearOfMine({ tickets, orders, groupBuys }) {
    this.tickets = merged(this.tickets, tickets);
    this.orders = merged(this.orders, orders);
    this.groups = merged(this.groups, groupBuys);
  }

  /** What was said is in no answer of the room: it counts although an answer may have overtaken its event. */
  _hearSaid({ kind, comment, commentId, notice }) {
    const others = this.comments.filter(({ id }) => id !== commentId);
    if (kind === 'COMMENTED' && comment) this.comments = [...others, comment].slice(-MOST_COMMENTS);
    if (kind === 'COMMENT_REMOVED') this.comments = others;
    if (kind === 'NOTICE') this.notice = { text: notice };
  }

  _apply(event) {
    const { kind, item } = event;
    if (STATES[kind]) this._move(STATES[kind], event.happenedAt);
    if (kind === 'OFF_AIR') this.onAirId = null;
    if (item && ['ON_AIR', 'OFF_AIR', 'PINNED', 'UNPINNED'].includes(kind)) this._put(item, kind);
    if (kind === 'SHELF_CHANGED') this._reread();
    if (kind === 'CHAT_CHANGED') this.room = { ...this.room, isChatOpen: event.chat.isOpen, slowSeconds: event.chat.slowSeconds };
    this._promote(event);
  }

  _move(state, at) {
    const moments = { LIVE: { liveAt: this.room.liveAt ?? at, pausedAt: null }, PAUSED: { pausedAt: at }, ENDED: { endedAt: at } };
    this.room = { ...this.room, state, ...moments[state] };
    if (state === 'ENDED') this.onAirId = null;
  }

  _put(item, kind) {
    if (kind === 'ON_AIR') this.onAirId = item.id;
    const others = kind === 'PINNED' ? this.items.map((each) => ({ ...each, isPinned: false })) : this.items;
    this.items = others.map((each) =>
      each.id === item.id ? { ...each, ...item, isPinned: { PINNED: true, UNPINNED: false }[kind] ?? each.isPinned } : each,
    );
  }

  _promote(told) {
    for (const [facet, list] of Object.entries(LISTS)) {
      if (told[facet]) this[list] = merged(this[list], [told[facet]]);
    }
  }

  /** Ask what is left of the sales that are under way, and who has entered the draws. */
  async _recount() {
    const isRunning = ({ closesAt }) => Date.parse(closesAt) > this.market.now() - UNITS_EVERY;
    if (document.hidden) return;
    if (
      [...this.flashSales, ...this.groupBuyCampaigns].some(isRunning) ||
      (this.isOn && this.couponBatches.some(({ isClaimable }) => isClaimable))
    ) {
      const told = await this.market.ask('RoomPromotions', { roomId: this.id }).catch(() => null);
      for (const list of ['flashSales', 'groupBuyCampaigns', 'couponBatches'])
        this[list] = merged(this[list], [...(told?.[list] ?? [])].reverse());
    }
    if (this.draws.some(({ state }) => state === 'OPEN')) {
      const told = await this.market.ask('ConsoleDraws', { roomId: this.id }).catch(() => null);
      this.draws = merged(this.draws, [...(told?.nodes ?? [])].reverse());
    }
    this._onChange();
  }

  /** Read the shelf anew; a guest's answer may be a second old. */
  _reread() {
    clearTimeout(this._rereading);
    const read = async () => this.take(await this.market.ask('ConsoleRoom', { id: this.id }).catch(() => null));
    this._rereading = setTimeout(read, this.market.isSignedIn ? 50 : 1200);
  }
}

/** The entries of a list with newer ones in the place of those of the same id; the newest stand first. */
function merged(known, newer) {
  const fresh = new Map((newer ?? []).map((each) => [each.id, each]));
  const kept = known.map((each) => ({ ...each, ...fresh.get(each.id) }));
  const there = new Set(known.map(({ id }) => id));
  return [...[...fresh.values()].filter(({ id }) => !there.has(id)).reverse(), ...kept];
}

/** The room of this id, followed for as long as it is shown. */
export function useRoom(market, id) {
  const [, changed] = useState(0);
  const [live, set] = useState(null);
  useEffect(() => {
    const opened = new LiveRoom(market, id, () => changed((changes) => changes + 1));
    set(opened);
    opened.open().catch((fault) => {
      opened.refused = fault;
      changed((changes) => changes + 1);
    });
    return () => opened.close();
  }, [id, market.isSignedIn]);
  return live;
}
