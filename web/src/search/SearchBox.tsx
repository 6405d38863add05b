import { useQuery } from "@tanstack/react-query";
import {
	type KeyboardEvent,
	useDeferredValue,
	useEffect,
	useId,
	useLayoutEffect,
	useRef,
	useState,
} from "react";
import { completionQuery } from "../api/queries";
import { formatCount } from "../lib/format";
import { IconButton } from "../ui/Button";
import { Chip } from "../ui/Chip";
import { Icon } from "../ui/Icon";
import {
	type Box,
	boxDraft,
	boxOfText,
	boxQuery,
	editTerm,
	insert,
	isWhole,
	removeTermAt,
	settle,
	toEnd,
} from "./box";
import { parseBox } from "./boxText";
import css from "./SearchBox.module.css";

interface Props {
	/** The query that is shown; a new one replaces what is typed. */
	q: string;
	onSearch: (q: string) => void;
	/** Part of the query that the server did not understand. */
	bad?: string;
	inputRef: React.RefObject<HTMLInputElement | null>;
}

/** The one box: chips that are the query language, a field with completion among them. */
export function SearchBox({ q, onSearch, bad, inputRef }: Props) {
	const [box, setBox] = useState(() => boxOfText(q));
	const [caret, setCaret] = useState(0);
	const [open, setOpen] = useState(false);
	const [chosen, setChosen] = useState(-1);
	const [shown, setShown] = useState(q);
	const id = useId();
	if (shown !== q) {
		setShown(q);
		if (boxQuery(box) !== q) setBox(boxOfText(q));
	}

	// After an edit by a key or a suggestion the cursor goes where the edit ended.
	const wanted = useRef<number>(undefined);
	useLayoutEffect(() => {
		if (wanted.current === undefined) return;
		inputRef.current?.setSelectionRange(wanted.current, wanted.current);
		setCaret(wanted.current);
		wanted.current = undefined;
	});
	const change = (next: Box, caretAt?: number) => {
		setBox(next);
		setChosen(-1);
		wanted.current = caretAt ?? next.draft.length;
	};

	const { text, offset } = boxDraft(box);
	const completion = useQuery({
		...completionQuery(useDeferredValue(text), useDeferredValue(offset + caret)),
		enabled: open,
	});
	const suggestions = open ? (completion.data?.suggestions ?? []) : [];

	const search = (next: Box) => {
		const done = toEnd(next);
		change(done, 0);
		setOpen(false);
		onSearch(boxQuery(done));
	};
	const accept = (index: number) => {
		const suggestion = suggestions[index];
		if (!suggestion || !completion.data) return;
		const { box: next, caret: at } = insert(box, completion.data.from, completion.data.to, suggestion.insert);
		inputRef.current?.focus();
		// A value ends the condition: it becomes a chip, and the search runs.
		if (suggestion.kind === "value" && isWhole(next.draft)) {
			const done = settle(next);
			change(done, 0);
			onSearch(boxQuery(done));
		} else change(next, at);
	};

	const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
		if (event.nativeEvent.isComposing || event.metaKey || event.ctrlKey || event.altKey) return;
		const { selectionStart, selectionEnd } = event.currentTarget;
		const atStart = selectionStart === 0 && selectionEnd === 0;
		const atEnd = selectionStart === box.draft.length && selectionEnd === selectionStart;
		switch (event.key) {
			case "ArrowDown":
			case "ArrowUp": {
				if (!open) setOpen(true);
				const step = event.key === "ArrowDown" ? 1 : -1;
				const count = suggestions.length + 1; // one stop at no suggestion
				setChosen(((chosen + 1 + step + count) % count) - 1);
				break;
			}
			case "Enter":
				if (chosen >= 0) accept(chosen);
				else search(box);
				break;
			case "Tab":
				if (event.shiftKey || !open || suggestions.length === 0 || box.draft === "") return;
				accept(Math.max(0, chosen));
				break;
			case "Escape":
				if (open) setOpen(false);
				else event.currentTarget.blur();
				break;
			case "Backspace":
				if (!atStart || box.at === 0) return;
				change(editTerm(box, box.at - 1));
				break;
			case "ArrowLeft":
				if (!atStart || box.at === 0 || event.shiftKey) return;
				change(editTerm(box, box.at - 1));
				break;
			case "ArrowRight":
				if (!atEnd || box.at >= box.terms.length || event.shiftKey) return;
				change(editTerm(box, box.at), 0);
				break;
			case " ":
				if (!atEnd || box.form !== "shorthand" || !isWhole(box.draft)) return;
				change(settle(box), 0);
				break;
			default:
				return;
		}
		event.preventDefault();
	};

	useEffect(() => {
		if (chosen >= 0) document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: "nearest" });
	}, [chosen, id]);

	const chip = (term: string, index: number) => (
		<Chip
			key={`${index} ${term}`}
			label={term}
			look={bad !== undefined && term.includes(bad) ? "error" : "plain"}
			onEdit={() => {
				inputRef.current?.focus();
				change(editTerm(box, index));
				setOpen(true);
			}}
			onRemove={() => search(removeTermAt(settle(box), index))}
		>
			<ChipText term={term} />
		</Chip>
	);
	const last = box.at === box.terms.length;
	const changed = boxQuery(box) !== q;

	return (
		<search className={css.search}>
			<div
				className={css.box}
				onPointerDown={(event) => {
					const target = event.target as Element;
					if (target.closest("button, input")) return;
					event.preventDefault();
					inputRef.current?.focus();
					if (!last) change(toEnd(box), 0);
				}}
			>
				<Icon name="search" />
				<div className={css.terms}>
					{box.terms.slice(0, box.at).map((t, i) => chip(t, i))}
					<input
						ref={inputRef}
						className={css.field}
						style={last ? undefined : { flex: "none", width: `${box.draft.length + 2}ch` }}
						role="combobox"
						aria-label="Search traces"
						aria-expanded={suggestions.length > 0}
						aria-controls={`${id}-list`}
						aria-autocomplete="list"
						aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
						placeholder={box.terms.length === 0 ? "service=payment status=error, or any word" : "type to add"}
						spellCheck={false}
						autoComplete="off"
						autoCapitalize="off"
						value={box.draft}
						onChange={(event) => {
							setBox({ ...box, draft: event.target.value });
							setCaret(event.target.selectionStart ?? event.target.value.length);
							setChosen(-1);
							setOpen(true);
						}}
						onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
						onFocus={() => setOpen(true)}
						onBlur={() => setOpen(false)}
						onKeyDown={onKeyDown}
					/>
					{box.terms.slice(box.at).map((t, i) => chip(t, i + box.at))}
				</div>
				{changed && (
					<button type="button" className={css.run} onClick={() => search(box)}>
						Search <kbd>↵</kbd>
					</button>
				)}
				{(box.terms.length > 0 || box.draft !== "") && (
					<IconButton icon="close" label="Clear the query" onClick={() => search(boxOfText(""))} />
				)}
			</div>
			<div
				id={`${id}-list`}
				role="listbox"
				aria-label="Suggestions"
				className={css.list}
				hidden={suggestions.length === 0}
			>
				{suggestions.map((s, i) => (
					<div
						key={`${s.kind} ${s.text} ${s.insert}`}
						id={`${id}-${i}`}
						role="option"
						tabIndex={-1}
						aria-selected={i === chosen}
						className={css.item}
						// Before the field loses the focus, which closes the list.
						onPointerDown={(event) => {
							event.preventDefault();
							accept(i);
						}}
					>
						<span className={`${css.text} ellipsis`}>{s.text}</span>
						<span className={`${css.detail} ellipsis`}>{s.detail}</span>
						<span className={css.count}>{s.count === undefined ? "" : formatCount(s.count)}</span>
						<span className={css.kind}>{s.kind}</span>
					</div>
				))}
				<div className={css.hint} aria-hidden="true">
					<kbd>↓</kbd> choose <kbd>Tab</kbd> take <kbd>↵</kbd> search <kbd>⌫</kbd> edit the chip before
				</div>
			</div>
		</search>
	);
}

/** A term with its key lighter than its value. */
function ChipText({ term }: { term: string }) {
	const t = parseBox(term).terms[0];
	if (!t?.key || !t.op) return term;
	return (
		<>
			<span className={css.key}>{t.key}</span> <span className={css.op}>{t.op}</span> {t.value}
		</>
	);
}
