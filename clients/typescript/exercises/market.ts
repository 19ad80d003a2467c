// Where the market runs that the exercises are made against, and how somebody signs in there.
import { randomUUID } from 'node:crypto';
import { print } from 'graphql';
import { Session, SignInForDevelopmentDocument, type SessionOptions } from '../src/index.ts';

/** As the test says: addresses, and what is for sale. */
export const market = JSON.parse(process.env.MARKET ?? '{}') as {
  url: string;
  socketUrl: string;
  skuId: string;
  saleItemId: string;
  /** A process of the API that may be stopped: somebody starts it again. */
  restarting?: number;
};

/** The session of a shopper of this name. */
export async function signedIn(name: string, options: Partial<SessionOptions> = {}): Promise<Session> {
  const session = new Session({ url: market.url, device: randomUUID(), ...options });
  const variables = { input: { name } };
  const answer = await post(session, {
    operationName: 'SignInForDevelopment',
    query: print(SignInForDevelopmentDocument),
    variables,
  });
  const { accessToken, refreshToken } = answer.data.signInForDevelopment;
  session.use({ accessToken, refreshToken });
  return session;
}

export async function post(session: Session, body: object): Promise<any> {
  const headers = { 'content-type': 'application/json' };
  return (await session.fetch(market.url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}
