import { t } from '../language.ts';

/** The request that an approval lets go, as the driver of the device describes it. Which fields it has depends on the protocol. */
export interface PendingRequest {
  method?: string;
  url?: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** The address of a Modbus device. */
  endpoint?: string;
  functionCode?: number;
  unit?: number;
  address?: number;
  values?: readonly unknown[];
  /** The bytes on the wire in hex. */
  frame?: string;
  /** Why the request cannot be described. */
  fault?: string;
  note?: string;
}

/** A request in plain words, and byte for byte. */
export function ShownRequest({ request }: { request: PendingRequest }) {
  const words = wordsOf(request);
  return (
    <div class="request">
      {words !== '' && <p>{words}</p>}
      {request.fault !== undefined && <p class="fault small">{request.fault}</p>}
      {request.note !== undefined && <p class="soft small">{request.note}</p>}
      <details open>
        <summary class="soft small">{t('requestBytes')}</summary>
        <pre class="code" tabIndex={0}>
          {bytesOf(request)}
        </pre>
      </details>
    </div>
  );
}

/** A request in a sentence; empty for a protocol without words of its own. */
function wordsOf({ method, url, functionCode, unit, address, values, endpoint }: PendingRequest): string {
  if (method !== undefined && url !== undefined) return t('requestHttp', { method, url });
  if (functionCode === undefined) return '';
  const place = { address: address ?? '', unit: unit ?? '', endpoint: endpoint ?? '', code: functionCode };
  return values === undefined
    ? t('requestModbusRead', place)
    : t('requestModbusWrite', { ...place, values: values.map(String).join(', ') });
}

/** A frame in pairs of hex digits, an HTTP request as it is sent, and any other request as JSON. */
function bytesOf(request: PendingRequest): string {
  const { method, url, headers = {}, body, frame } = request;
  if (frame !== undefined) return frame.replaceAll(/..(?=.)/g, '$& ');
  if (method === undefined || url === undefined) return JSON.stringify(request, undefined, 2);
  const head = [`${method} ${url}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return [...head, ...(text === undefined ? [] : ['', text])].join('\n');
}
