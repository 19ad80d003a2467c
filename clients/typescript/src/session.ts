// What every GraphQL client needs of Night Market beside its types: headers, tokens that are refreshed once for all who
// wait for them, and registered documents sent by their ids.
import { print } from 'graphql';
import { documentIds } from './generated/document-ids.ts';
import { RefreshSessionDocument, type RefreshSessionMutation } from './generated/operations.ts';

export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

export interface SessionOptions {
  /** Address of the API: https://shop.example/graphql */
  url: string;
  /** A random name that this device makes once and keeps. */
  device: string;
  /** The tokens kept from last time. */
  tokens?: Tokens | null;
  /** Told of new tokens, to keep them; null: sign in again. */
  keep?: (tokens: Tokens | null) => void;
  /** Read for every request: "zh-CN" by default. */
  language?: () => string;
  /** Send ids instead of documents, as a server in production wants it. */
  trusted?: boolean;
}

type Operation = { operationName?: string | null; query?: string; variables?: unknown };

export class Session {
  tokens: Tokens | null;
  readonly #options: SessionOptions;
  #refreshing: Promise<boolean> | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.tokens = options.tokens ?? null;
  }

  /** After signing in and out. */
  use(tokens: Tokens | null): void {
    this.tokens = tokens && { accessToken: tokens.accessToken, refreshToken: tokens.refreshToken };
    this.#options.keep?.(this.tokens);
  }

  /** A `fetch` for Apollo Client's HttpLink, urql and others: a request that meets 401 is sent again with a new token. */
  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const body = typeof init.body === 'string' ? JSON.stringify(this.named(JSON.parse(init.body))) : init.body;
    const stale = this.tokens?.accessToken;
    const answer = await fetch(input, this.#signed({ ...init, body }));
    if (answer.status !== 401 || !stale || !(await this.refresh(stale))) return answer;
    return fetch(input, this.#signed({ ...init, body }));
  };

  /** For graphql-ws: what a socket says of itself when it opens. */
  readonly connectionParams = (): { authorization?: string; language: string; device: string } => ({
    ...(this.tokens && { authorization: `Bearer ${this.tokens.accessToken}` }),
    language: this.#options.language?.() ?? 'zh-CN',
    device: this.#options.device,
  });

  /** The operation as it is sent: with the id of its document where ids are wanted and it is one of ours. */
  named<T extends Operation>(operation: T): T {
    const id = documentIds[operation.operationName as keyof typeof documentIds];
    if (!this.#options.trusted || !id) return operation;
    const { query: _, ...rest } = operation;
    return { ...rest, documentId: id } as unknown as T;
  }

  /**
   * New tokens for `stale` ones; false: nobody is signed in any more. Whoever asks while others wait, waits with them.
   * A network that fails rejects, and the tokens stay.
   */
  refresh(stale: string): Promise<boolean> {
    if (this.tokens?.accessToken !== stale) return Promise.resolve(this.tokens !== null);
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refresh(): Promise<boolean> {
    const operation = this.named({
      operationName: 'RefreshSession',
      query: print(RefreshSessionDocument),
      variables: { input: { refreshToken: this.tokens!.refreshToken } },
    });
    const { authorization: _, ...headers } = this.#headers();
    const answer = await fetch(this.#options.url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(operation),
    });
    const { data } = (await answer.json()) as { data?: RefreshSessionMutation | null };
    if (!data) throw new Error(`the tokens could not be refreshed: ${answer.status}`);
    const refreshed = data.refreshSession;
    this.use(refreshed.__typename === 'SignedIn' ? refreshed : null);
    return this.tokens !== null;
  }

  #signed(init: RequestInit): RequestInit {
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(this.#headers())) headers.set(name, value);
    return { ...init, headers };
  }

  #headers(): Record<string, string> {
    const { language, device, ...authorization } = this.connectionParams();
    return { ...authorization, 'accept-language': language, 'x-device-id': device };
  }
}
