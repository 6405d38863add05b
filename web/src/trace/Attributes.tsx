import { useContext, useState } from "react";
import { safeUrl } from "../lib/safeUrl";
import { paths } from "../paths";
import { useCopied } from "../ui/CopyId";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import css from "./Attributes.module.css";
import { TraceRange } from "./traceRange";
import { type Attribute, membersOf, searchFor, type TypedValue, valueText } from "./values";

/** Longer texts are cut until they are asked for. */
const shortText = 400;

/** Keys and values. With a scope, a value can be searched for; it can always be copied. */
export function AttributeTable({
	attributes,
	scope,
}: {
	attributes: readonly Attribute[];
	scope?: "span" | "resource" | "event";
}) {
	if (attributes.length === 0) return null;
	return (
		<dl className={css.table}>
			{attributes.map((a, i) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a key may be there twice, and the order is the sender's
				<Row key={i} attribute={a} scope={scope} />
			))}
		</dl>
	);
}

function Row({ attribute, scope }: { attribute: Attribute; scope?: "span" | "resource" | "event" }) {
	const query = scope && searchFor(scope, attribute);
	const range = useContext(TraceRange);
	return (
		<div className={css.row}>
			<dt>{attribute.key}</dt>
			<dd>
				<Value value={attribute} />
				<span className={css.actions}>
					{query && (
						<Link
							to={paths.search({ q: query, range })}
							className={css.action}
							aria-label={`search for ${attribute.key} with this value`}
							data-tip="Search for this value"
						>
							<Icon name="search" size={13} />
						</Link>
					)}
					<Copy name={attribute.key} value={attribute} />
				</span>
			</dd>
		</div>
	);
}

function Copy({ name, value }: { name: string; value: TypedValue }) {
	const [copied, copy] = useCopied();
	return (
		<button
			type="button"
			className={css.action}
			onClick={() => copy(valueText(value))}
			aria-label={`copy the value of ${name}`}
			data-tip="Copy"
		>
			<Icon name={copied === "yes" ? "check" : copied === "no" ? "close" : "copy"} size={13} />
			<span className="sr" role="status">
				{copied && (copied === "yes" ? "copied" : "not copied")}
			</span>
		</button>
	);
}

/** A value is text, whatever it says: it becomes neither markup nor, but for http and https, a link. */
export function Value({ value }: { value: TypedValue }) {
	const members = membersOf(value);
	if (members !== undefined) return <Members kind={value.type} members={members} />;
	switch (value.type) {
		case "empty":
		case "absent":
			return <span className={css.nothing}>no value</span>;
		case "bytes":
		case "opaque":
			return (
				<span>
					<Text text={valueText(value)} /> <span className={css.nothing}>base64</span>
				</span>
			);
		case "string":
			return value.value === "" ? (
				<span className={css.nothing}>empty text</span>
			) : (
				<Text text={valueText(value)} />
			);
		default:
			return <span className={css.literal}>{valueText(value)}</span>;
	}
}

function Text({ text }: { text: string }) {
	const [whole, setWhole] = useState(false);
	const link = safeUrl(text);
	if (link !== undefined) {
		return (
			<a className={css.text} href={link} target="_blank" rel="noopener noreferrer nofollow">
				{text}
			</a>
		);
	}
	const cut = !whole && text.length > shortText;
	return (
		<span className={css.text}>
			{cut ? `${text.slice(0, shortText)}…` : text}
			{cut && (
				<button type="button" className={css.more} onClick={() => setWhole(true)}>
					all {text.length.toLocaleString("en-US")} characters
				</button>
			)}
		</span>
	);
}

/** Members beyond this many wait to be asked for. */
const fewMembers = 50;

function Members({ kind, members }: { kind: string; members: { key?: string; value: TypedValue }[] }) {
	const [whole, setWhole] = useState(false);
	if (members.length === 0)
		return <span className={css.nothing}>{kind === "map" ? "empty map" : "empty list"}</span>;
	const shown = whole ? members : members.slice(0, fewMembers);
	return (
		<ul className={css.members}>
			{shown.map((m, i) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: members are told by their place
				<li key={i}>
					<span className={css.member}>{m.key ?? i}</span> <Value value={m.value} />
				</li>
			))}
			{shown.length < members.length && (
				<li>
					<button type="button" className={css.more} onClick={() => setWhole(true)}>
						all {members.length.toLocaleString("en-US")}
					</button>
				</li>
			)}
		</ul>
	);
}
