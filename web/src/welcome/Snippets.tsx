import { type KeyboardEvent, useId } from "react";
import { useStored } from "../lib/stored";
import { CopyButton } from "../ui/CopyId";
import { type Snippet, snippets, type Target } from "./snippets";
import css from "./Welcome.module.css";

/** The ways to send spans, a tab each; the one chosen stays chosen. */
export function Snippets({ target }: { target: Target }) {
	const all = snippets(target);
	const id = useId();
	const [chosen, setChosen] = useStored("weft.snippet", "exec");
	const at = Math.max(
		0,
		all.findIndex((s) => s.id === chosen),
	);
	const shown = all[at];
	const onKeyDown = (event: KeyboardEvent) => {
		const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
		const next = to === undefined ? undefined : all[(to + all.length) % all.length];
		if (!next) return;
		event.preventDefault();
		setChosen(next.id);
		document.getElementById(`${id}-${next.id}`)?.focus();
	};
	return (
		<div className={css.snippets}>
			<div role="tablist" aria-label="Send with" className={css.tabs} onKeyDown={onKeyDown}>
				{all.map((s) => (
					<button
						key={s.id}
						id={`${id}-${s.id}`}
						type="button"
						role="tab"
						className={css.tab}
						aria-selected={s === shown}
						aria-controls={`${id}-panel`}
						tabIndex={s === shown ? 0 : -1}
						onClick={() => setChosen(s.id)}
					>
						{s.label}
					</button>
				))}
			</div>
			{shown && (
				<div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${shown.id}`} className={css.panel}>
					<Blocks snippet={shown} />
				</div>
			)}
		</div>
	);
}

function Blocks({ snippet }: { snippet: Snippet }) {
	return (
		<>
			{snippet.blocks.map((block) => (
				<div key={block.text} className={css.block}>
					{block.says && <p className="muted">{block.says}</p>}
					<div className={css.code}>
						{/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it */}
						<pre tabIndex={0}>{block.text}</pre>
						<CopyButton text={block.text} label="Copy" />
					</div>
				</div>
			))}
			{snippet.note && <p className={css.note}>{snippet.note}</p>}
		</>
	);
}
