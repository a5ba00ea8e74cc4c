import { useEffect, useState } from 'preact/hooks';
import type { DeliveryDetail, DeliverySummary } from '../src/wire.ts';
import { Body, Text } from './body.tsx';
import * as client from './client.ts';
import {
  bytesOf,
  decoded,
  fromBase64,
  millisecondsOf,
  OUTCOMES,
  timeOf,
  titleOf,
  visible,
} from './format.ts';
import { Tabs } from './tabs.tsx';

/** A delivery and its body, loaded again when the delivery changes. */
export function useDetail(summary: DeliverySummary | undefined): {
  detail: DeliveryDetail | undefined;
  bytes: Uint8Array | undefined;
  error: string | undefined;
} {
  const [detail, setDetail] = useState<DeliveryDetail>();
  const [body, setBody] = useState<{ readonly id: number; readonly bytes: Uint8Array }>();
  const [error, setError] = useState<string>();
  const id = summary?.id;
  useEffect(() => {
    if (id === undefined) return undefined;
    let isCurrent = true;
    client.loadDetail(id).then(
      (loaded) => {
        if (!isCurrent) return;
        setDetail(loaded);
        setError(undefined);
      },
      (failed: Error) => isCurrent && setError(failed.message),
    );
    return () => {
      isCurrent = false;
    };
    // The summary is a new object whenever the delivery has changed.
  }, [id, summary]);
  const hasBody = summary?.bodyBytes !== undefined;
  useEffect(() => {
    if (id === undefined || !hasBody) return undefined;
    let isCurrent = true;
    client.loadBody(id).then(
      (bytes) => isCurrent && setBody({ id, bytes }),
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, [id, hasBody]);
  return {
    detail: detail?.id === id ? detail : undefined,
    bytes: body?.id === id ? body?.bytes : undefined,
    error,
  };
}

interface Props {
  readonly detail: DeliveryDetail | undefined;
  readonly bytes: Uint8Array | undefined;
  readonly error: string | undefined;
  readonly isReplaying: boolean;
  readonly replay: () => void;
  readonly copyCurl: () => void;
  readonly select: (id: number) => void;
  readonly back: () => void;
}

export function Detail({ detail, bytes, error, isReplaying, replay, copyCurl, select, back }: Props) {
  const [tab, setTab] = useState('body');
  if (error !== undefined) return <p class="empty">{error}</p>;
  if (detail === undefined) return <p class="empty">Loading…</p>;
  const tabs = [
    { id: 'body', label: 'Body' },
    { id: 'headers', label: 'Headers' },
    ...(detail.signed === undefined ? [] : [{ id: 'signed', label: 'Signed' }]),
    { id: 'timeline', label: 'Timeline' },
    ...(detail.response === undefined ? [] : [{ id: 'response', label: 'Response' }]),
  ];
  const shown = tabs.find(({ id }) => id === tab)?.id ?? 'body';
  return (
    <>
      <div class="detail-head">
        <button type="button" class="back" onClick={back}>
          <span aria-hidden="true">←</span> All deliveries
        </button>
        <h2>{visible(titleOf(detail))}</h2>
        <div class="actions">
          <button
            type="button"
            class="primary"
            onClick={replay}
            disabled={isReplaying || detail.replayObstacle !== undefined}
            title={detail.replayObstacle ?? 'Signs it again with the present time and sends it (r)'}
          >
            {isReplaying ? 'Replaying…' : 'Replay'}
          </button>
          <button type="button" onClick={copyCurl} title="Copies the captured request, without secrets (c)">
            Copy as curl
          </button>
        </div>
      </div>
      <Verdict detail={detail} select={select} />
      {detail.replayObstacle !== undefined && <p class="note">No replay: {detail.replayObstacle}</p>}
      <Tabs label="Parts of the delivery" name="detail" tabs={tabs} selected={shown} select={setTab}>
        {shown === 'body' && <BodyPanel detail={detail} bytes={bytes} />}
        {shown === 'headers' && <Headers rawHeaders={detail.rawHeaders} label="Headers of the request" />}
        {shown === 'signed' && <Signed detail={detail} />}
        {shown === 'timeline' && <Timeline detail={detail} />}
        {shown === 'response' && <Response detail={detail} />}
      </Tabs>
    </>
  );
}

function Verdict({
  detail,
  select,
}: {
  readonly detail: DeliveryDetail;
  readonly select: (id: number) => void;
}) {
  const { outcome, verdict, receivedAt, status, endpoint, scheme, durationMs, replayOf, bodyBytes, failure } =
    detail;
  const { label, mark } = OUTCOMES[outcome];
  const isExplaining =
    verdict.state === 'refused' && verdict.causes === undefined && detail.code?.startsWith('ERR_');
  return (
    <section class={`verdict ${outcome}`} aria-label="Verdict">
      <p class="verdict-title">
        <span aria-hidden="true">{mark}</span> {label}
        {verdict.code !== undefined && <code>{verdict.code}</code>}
      </p>
      {verdict.causes?.map(({ code, certainty, message, fix }) => (
        <div class="cause" key={code}>
          <p>
            <strong>{certainty}:</strong> {visible(message)}
          </p>
          <p class="fix">
            <strong>Fix:</strong> {visible(fix)}
          </p>
        </div>
      ))}
      {verdict.causes?.length !== undefined && verdict.causes.length > 0
        ? null
        : verdict.message !== undefined && <p>{visible(verdict.message)}</p>}
      {isExplaining && <p class="muted">Looking for the cause…</p>}
      {verdict.state === 'refused' && detail.response?.rawHeaders !== undefined && isSuccess(status) && (
        <p>
          <strong>But the target accepted it</strong> with status {status}: it does not verify this request,
          or not with this secret.
        </p>
      )}
      {failure !== undefined && <p>{visible(failure)}</p>}
      <dl class="facts">
        <Fact name="Request" value={`${detail.method} ${detail.url}`} />
        <Fact name="Received" value={timeOf(receivedAt)} />
        <Fact name="Sender" value={endpoint === scheme ? scheme : `${endpoint} (${scheme})`} />
        <Fact name="Key" value={verdict.key && `${verdict.key.role} (${verdict.key.id})`} />
        <Fact name="Status" value={status === undefined ? undefined : String(status)} />
        <Fact name="Delivery id" value={verdict.deliveryId} />
        <Fact name="Body" value={bodyBytes === undefined ? 'not read' : bytesOf(bodyBytes)} />
        <Fact name="Took" value={millisecondsOf(durationMs)} />
        {replayOf !== undefined && (
          <div>
            <dt>Replay of</dt>
            <dd>
              <button type="button" class="link" onClick={() => select(replayOf)}>
                #{replayOf}
              </button>
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function Fact({ name, value }: { readonly name: string; readonly value: string | undefined }) {
  if (value === undefined) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{visible(value)}</dd>
    </div>
  );
}

function BodyPanel({
  detail,
  bytes,
}: {
  readonly detail: DeliveryDetail;
  readonly bytes: Uint8Array | undefined;
}) {
  if (detail.bodyBytes === undefined)
    return (
      <p class="empty">
        The body was not read: the verifier refused the request by its headers, or the body has not arrived.
      </p>
    );
  return bytes === undefined ? <p class="empty">Loading…</p> : <Body bytes={bytes} />;
}

function Headers({ rawHeaders, label }: { readonly rawHeaders: readonly string[]; readonly label: string }) {
  const rows = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    rows.push(
      <tr key={at}>
        <th scope="row">{visible(rawHeaders[at] ?? '')}</th>
        <td>{visible(rawHeaders[at + 1] ?? '')}</td>
      </tr>,
    );
  return (
    <table class="headers" aria-label={label}>
      <tbody>{rows}</tbody>
    </table>
  );
}

function Signed({ detail }: { readonly detail: DeliveryDetail }) {
  const { signed } = detail;
  if (signed === undefined) return null;
  const isKnown = signed.parts.every(({ bytes }) => bytes !== undefined);
  const total = signed.parts.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  return (
    <>
      <p>
        The sender signs <code>{visible(signed.template)}</code> with {signed.algorithm}. The signature is in
        the {signed.location}.
      </p>
      <table class="headers" aria-label="What was signed">
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col">In this request</th>
            <th scope="col" class="number">
              Bytes
            </th>
          </tr>
        </thead>
        <tbody>
          {signed.parts.map(({ part, text, bytes }, at) => (
            <tr key={at}>
              <th scope="row">
                <code>{visible(part)}</code>
              </th>
              <td>
                {text === undefined ? (
                  <span class="muted">{part === '{body}' ? 'the body' : '–'}</span>
                ) : (
                  visible(text)
                )}
              </td>
              <td class="number">{bytes ?? '?'}</td>
            </tr>
          ))}
          {isKnown && (
            <tr>
              <th scope="row">In all</th>
              <td />
              <td class="number">{total}</td>
            </tr>
          )}
        </tbody>
      </table>
    </>
  );
}

function Timeline({ detail }: { readonly detail: DeliveryDetail }) {
  return (
    <ol class="timeline">
      {detail.steps.map(({ step, atMs, note }, at) => (
        <li key={at}>
          <span class="at">+{atMs < 10 ? atMs.toFixed(1) : Math.round(atMs)} ms</span>
          <span>
            <strong>{step}</strong>
            {note !== undefined && <span class="muted"> {visible(note)}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Response({ detail }: { readonly detail: DeliveryDetail }) {
  const { response } = detail;
  if (response === undefined) return null;
  const bytes = response.body === undefined ? undefined : fromBase64(response.body);
  const text = bytes && decoded(bytes);
  return (
    <>
      <p>
        Status <strong>{response.status}</strong> {visible(response.statusMessage ?? '')}
      </p>
      {response.rawHeaders !== undefined && (
        <Headers rawHeaders={response.rawHeaders} label="Headers of the response" />
      )}
      {bytes !== undefined && bytes.length > 0 && (
        <Text text={text ?? `${bytesOf(bytes.length)} that are not UTF-8 text`} />
      )}
      {response.bodyBytes !== undefined && (
        <p class="note">The body has {bytesOf(response.bodyBytes)}. Only its beginning is kept.</p>
      )}
    </>
  );
}
