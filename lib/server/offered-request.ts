import { IncomingMessage } from 'node:http';

/**
 * A request of which Node takes only the offer of a WebSocket for an upgrade. Java's HttpClient and `curl --http2` offer `h2c` with their
 * requests, and a server may go on in HTTP/1.1 [RFC 9110 7.8]. Node reads the property while it reads the head.
 */
export class OfferedRequest extends IncomingMessage {
  declare private offers: boolean | null;

  get upgrade(): boolean {
    // Node closes a connection for a CONNECT that nobody listens for.
    const isTaken = this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket';
    return this.offers === true && isTaken;
  }

  set upgrade(offers: boolean | null) {
    this.offers = offers;
  }
}
