import { useState } from "react";
import type { Schemas } from "../api/client";
import { CopyButton } from "../ui/CopyId";
import css from "./Exception.module.css";

type Exception = Schemas["Exception"];
type Frame = Schemas["Frame"];

/** What was thrown. Your frames are open, runs of library frames are one line each. */
export function ExceptionView({ exception, inside = false }: { exception: Exception; inside?: boolean }) {
	const [raw, setRaw] = useState(false);
	const runs = groupFrames(exception.frames);
	const stack = exception.stacktrace ?? exception.frames.map((f) => f.text).join("\n");
	const readable = exception.frames.length > 0;
	return (
		<section className={css.exception} data-inside={inside || undefined} aria-label="Exception">
			<div className={css.head}>
				<h2>
					<span className={css.cross} aria-hidden="true" />
					{exception.type ?? "Exception"}
				</h2>
				{exception.escaped && <span className="muted">left the span</span>}
				{readable && exception.stacktrace && (
					<button type="button" className={css.switch} aria-pressed={raw} onClick={() => setRaw(!raw)}>
						as sent
					</button>
				)}
				{stack !== "" && <CopyButton text={stack} label="Copy the stack" />}
			</div>
			{exception.message && <p className={css.message}>{exception.message}</p>}
			{raw || !readable ? (
				exception.stacktrace && (
					// biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
					<pre className={css.raw} tabIndex={0}>
						{exception.stacktrace}
					</pre>
				)
			) : (
				<ol className={css.frames}>
					{runs.map((run, i) => (
						// biome-ignore lint/suspicious/noArrayIndexKey: the stack does not change
						<Run key={i} frames={run.frames} yours={run.yours} alone={runs.length === 1} />
					))}
				</ol>
			)}
		</section>
	);
}

function Run({ frames, yours, alone }: { frames: readonly Frame[]; yours: boolean; alone: boolean }) {
	// A stack of nothing but library frames is shown: there is nothing else to show.
	const [open, setOpen] = useState(yours || alone);
	if (!open) {
		return (
			<li>
				<button type="button" className={css.folded} onClick={() => setOpen(true)}>
					{frames.length} library {frames.length === 1 ? "frame" : "frames"}
				</button>
			</li>
		);
	}
	return frames.map((f, i) => (
		// biome-ignore lint/suspicious/noArrayIndexKey: recursion repeats frames
		<li key={i} className={css.frame} data-yours={f.yours || undefined}>
			{f.function ? (
				<>
					<span className={css.function}>{f.function}</span>
					{f.file && (
						<span className={css.file}>
							{f.file}
							{f.line !== undefined && `:${f.line}`}
						</span>
					)}
				</>
			) : (
				<span className={css.function}>{f.text}</span>
			)}
		</li>
	));
}

/** Neighbouring frames of the same kind, in order. */
export function groupFrames(frames: readonly Frame[]): { yours: boolean; frames: Frame[] }[] {
	const runs: { yours: boolean; frames: Frame[] }[] = [];
	for (const f of frames) {
		const last = runs.at(-1);
		if (last !== undefined && last.yours === f.yours) last.frames.push(f);
		else runs.push({ yours: f.yours, frames: [f] });
	}
	return runs;
}
