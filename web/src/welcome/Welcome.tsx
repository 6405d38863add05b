import type { Status } from "../api/queries";
import { absoluteHref } from "../lib/base";
import { useTitle } from "../lib/title";
import { paths } from "../paths";
import { CopyButton } from "../ui/CopyId";
import { Icon } from "../ui/Icon";
import { RefusedList } from "./RefusedList";
import { Snippets } from "./Snippets";
import css from "./Welcome.module.css";

/** The first page of a new server. It gives way to the search when the first span is stored. */
export function Welcome({ status }: { status: Status }) {
	useTitle("Waiting for the first span");
	return (
		<div className={css.page}>
			<div className={css.head} role="status">
				<h1 className={css.title}>
					<span className={css.pulse} aria-hidden="true">
						<span />
						<span />
						<span />
					</span>
					Waiting for the first span
				</h1>
				<p className="muted">
					This page turns into the search as soon as one is stored. Nothing to send yet? In another terminal:
				</p>
				<div className={`${css.code} ${css.one}`}>
					<pre>weft demo</pre>
					<CopyButton text="weft demo" label="Copy" />
				</div>
			</div>
			<HowToSend status={status} everyMs={2_000} />
		</div>
	);
}

/** Snippets with this server's address, and what was refused. */
export function HowToSend({ status, everyMs }: { status: Status; everyMs: number }) {
	const origin = absoluteHref(paths.home()).replace(/\/$/, "");
	return (
		<div className={css.columns}>
			<section aria-labelledby="send" className={css.send}>
				<h2 id="send" className={css.heading}>
					Send spans to <code className={css.address}>{origin}</code>
				</h2>
				<Snippets target={{ origin, tokensRequired: status.tokens_required }} />
			</section>
			<div className={css.side}>
				<RefusedList everyMs={everyMs} />
				<Listeners status={status} />
			</div>
		</div>
	);
}

function Listeners({ status }: { status: Status }) {
	return (
		<section aria-labelledby="listeners">
			<h2 id="listeners" className={css.heading}>
				This server listens at
			</h2>
			<ul className={css.listeners}>
				{status.listeners.map((l) => (
					<li key={`${l.name} ${l.address}`} className={css.listener} data-off={!l.listening || undefined}>
						<Icon name={l.listening ? "check" : "close"} />
						<code>{l.address}</code>
						<span className="muted">{l.protocols.join(", ")}</span>
						{!l.listening && <span className={css.off}>not listening{l.detail ? `: ${l.detail}` : ""}</span>}
					</li>
				))}
			</ul>
		</section>
	);
}
