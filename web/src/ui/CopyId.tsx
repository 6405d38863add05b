import { useEffect, useState } from "react";
import { copyText } from "../lib/copy";
import { shortId } from "../lib/format";
import css from "./CopyId.module.css";
import { Icon, type IconName } from "./Icon";

/** Copies and says so for a moment, to the eye and to screen readers. */
export function useCopied(): [copied: "yes" | "no" | undefined, copy: (text: string) => void] {
	const [copied, setCopied] = useState<"yes" | "no">();
	useEffect(() => {
		if (!copied) return;
		const timer = setTimeout(() => setCopied(undefined), 1_600);
		return () => clearTimeout(timer);
	}, [copied]);
	return [copied, (text) => void copyText(text).then((ok) => setCopied(ok ? "yes" : "no"))];
}

/** An id: eight characters, the whole on hover, copied with a click. */
export function CopyId({ id, whole = false, label = "id" }: { id: string; whole?: boolean; label?: string }) {
	const [copied, copy] = useCopied();
	return (
		<button
			type="button"
			className={css.id}
			data-tip={`${id}\nclick to copy`}
			aria-label={`copy ${label} ${id}`}
			onClick={() => copy(id)}
		>
			{whole ? id : shortId(id)}
			<span className={css.mark}>
				{copied && <Icon name={copied === "yes" ? "check" : "close"} size={12} />}
			</span>
			<span className="sr" role="status">
				{copied && (copied === "yes" ? "copied" : "not copied")}
			</span>
		</button>
	);
}

/** A button that copies a text: a link, a command line. */
export function CopyButton({
	text,
	label,
	icon = "copy",
	children,
}: {
	text: string | (() => string);
	label: string;
	icon?: IconName;
	children?: string;
}) {
	const [copied, copy] = useCopied();
	const said = copied === "yes" ? "Copied" : copied === "no" ? "Could not copy" : children;
	return (
		<button
			type="button"
			className={children ? css.wide : css.square}
			aria-label={label}
			data-tip={label}
			onClick={() => copy(typeof text === "string" ? text : text())}
		>
			<Icon name={copied === "yes" ? "check" : copied === "no" ? "close" : icon} />
			{children && <span>{said}</span>}
			<span className="sr" role="status">
				{copied && (copied === "yes" ? "copied" : "not copied")}
			</span>
		</button>
	);
}
