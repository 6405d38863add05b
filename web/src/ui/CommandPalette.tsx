import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useGo } from "../lib/go";
import css from "./CommandPalette.module.css";
import { Dialog } from "./Dialog";
import { Icon, type IconName } from "./Icon";

export interface Command {
	/** Unique among the commands. */
	id: string;
	label: string;
	/** What kind of thing it is: "service", "page". */
	kind: string;
	icon?: IconName;
	/** Instead of an icon: a swatch of this colour. */
	color?: string;
	detail?: string;
	to?: string;
	run?: () => void;
	/** Found for any text, because it was made from the text. */
	always?: boolean;
}

/** How well a text fits: the start of the label, of a word, or somewhere; less is better. */
export function rank(text: string, label: string): number | undefined {
	const at = label.toLowerCase().indexOf(text);
	if (at < 0) return undefined;
	return at === 0 ? 0 : /[\s/._:-]/.test(label[at - 1] ?? "") ? 1 : 2;
}

export function findCommands(text: string, commands: readonly Command[]): Command[] {
	const wanted = text.trim().toLowerCase();
	if (wanted === "") return commands.filter((c) => !c.always);
	return commands
		.map((command, i) => ({ command, i, rank: command.always ? -1 : rank(wanted, command.label) }))
		.filter((c): c is typeof c & { rank: number } => c.rank !== undefined)
		.sort((a, b) => a.rank - b.rank || a.i - b.i)
		.map((c) => c.command);
}

/** One field that finds pages, services and pasted ids. */
export function CommandPalette({
	commands,
	onText,
	onClose,
}: {
	commands: readonly Command[];
	onText: (text: string) => void;
	onClose: () => void;
}) {
	const go = useGo();
	const id = useId();
	const list = useRef<HTMLDivElement>(null);
	const [text, setText] = useState("");
	const [at, setAt] = useState(0);
	const found = useMemo(() => findCommands(text, commands).slice(0, 40), [text, commands]);
	const chosen = Math.min(at, found.length - 1);

	useEffect(() => {
		list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
	}, [chosen]);

	const run = (command: Command | undefined) => {
		if (!command) return;
		onClose();
		if (command.to) go(command.to);
		command.run?.();
	};
	const onKeyDown = (event: KeyboardEvent) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step && found.length > 0) setAt((chosen + step + found.length) % found.length);
		else if (event.key === "Enter" && !event.nativeEvent.isComposing) run(found[chosen]);
		else return;
		event.preventDefault();
	};

	return (
		<Dialog label="Find" onClose={onClose}>
			<div className={css.field}>
				<Icon name="search" />
				<input
					autoFocus
					role="combobox"
					aria-expanded="true"
					aria-controls={id}
					aria-activedescendant={found[chosen] ? `${id}-${chosen}` : undefined}
					aria-label="Find a page, a service, or paste an id"
					placeholder="Find a page, a service, or paste an id"
					spellCheck={false}
					autoComplete="off"
					value={text}
					onChange={(event) => {
						setText(event.target.value);
						setAt(0);
						onText(event.target.value);
					}}
					onKeyDown={onKeyDown}
				/>
			</div>
			<div ref={list} id={id} role="listbox" aria-label="Found" className={css.list}>
				{found.map((command, i) => (
					// biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
					<div
						key={command.id}
						id={`${id}-${i}`}
						role="option"
						tabIndex={-1}
						aria-selected={i === chosen}
						className={css.item}
						onClick={() => run(command)}
						onPointerMove={() => setAt(i)}
					>
						{command.color ? (
							<span className={css.swatch} style={{ background: command.color }} />
						) : (
							<Icon name={command.icon ?? "right"} />
						)}
						<span className="ellipsis">{command.label}</span>
						{command.detail && <span className={`${css.detail} ellipsis`}>{command.detail}</span>}
						<span className={css.kind}>{command.kind}</span>
					</div>
				))}
			</div>
			{found.length === 0 && (
				<p className={css.none}>Nothing is called that. A whole trace id opens the trace.</p>
			)}
		</Dialog>
	);
}
