import type { KeyboardEvent, ReactNode } from "react";
import { Icon, type IconName } from "./Icon";
import { Link } from "./Link";
import { Popover } from "./Popover";
import css from "./Popover.module.css";

export type MenuItem =
	| "separator"
	| { heading: string }
	| {
			label: string;
			hint?: string;
			icon?: IconName;
			/** For a choice among several: whether this is the one. */
			checked?: boolean;
			disabled?: boolean;
			danger?: boolean;
			/** A path of paths.ts; or run. */
			to?: string;
			run?: () => void;
	  };

interface Props {
	label: string;
	trigger: Parameters<typeof Popover>[0]["trigger"];
	items: readonly MenuItem[];
	align?: "start" | "end";
}

/** Moves the focus among the items: arrows, Home, End, and the first letter of a label. */
function moveFocus(event: KeyboardEvent<HTMLElement>) {
	const items = [
		...event.currentTarget.querySelectorAll<HTMLElement>("[role^=menuitem]:not([aria-disabled=true])"),
	];
	const at = items.indexOf(document.activeElement as HTMLElement);
	let next: HTMLElement | undefined;
	if (event.key === "ArrowDown") next = items[(at + 1) % items.length];
	else if (event.key === "ArrowUp") next = items[(at - 1 + items.length) % items.length];
	else if (event.key === "Home") next = items[0];
	else if (event.key === "End") next = items.at(-1);
	else if (event.key === "Tab") event.currentTarget.hidePopover();
	else if (event.key.length === 1 && !event.metaKey && !event.ctrlKey) {
		const letter = event.key.toLowerCase();
		next = [...items.slice(at + 1), ...items.slice(0, at + 1)].find((i) =>
			i.textContent?.trim().toLowerCase().startsWith(letter),
		);
	}
	if (next) {
		event.preventDefault();
		next.focus();
	}
}

export function Menu({ label, trigger, items, align }: Props) {
	return (
		<Popover
			label={label}
			kind="menu"
			trigger={trigger}
			align={align}
			className={css.menu}
			onKeyDown={moveFocus}
		>
			{(close) => items.map((item, i) => <Item key={itemKey(item, i)} item={item} close={close} />)}
		</Popover>
	);
}

function itemKey(item: MenuItem, i: number): string {
	return typeof item === "string" ? `${item} ${i}` : "heading" in item ? item.heading : item.label;
}

function Item({ item, close }: { item: MenuItem; close: () => void }): ReactNode {
	if (item === "separator") return <hr className={css.separator} />;
	if ("heading" in item)
		return (
			<div className={css.heading} role="presentation">
				{item.heading}
			</div>
		);
	const props = {
		role: item.checked === undefined ? "menuitem" : "menuitemradio",
		"aria-checked": item.checked,
		"aria-disabled": item.disabled || undefined,
		tabIndex: -1,
		className: `${css.item} ${item.danger ? css.danger : ""}`,
		onClick: () => {
			if (item.disabled) return;
			close();
			item.run?.();
		},
	};
	const content = (
		<>
			{item.checked !== undefined && (
				<span className={css.mark}>{item.checked && <Icon name="check" />}</span>
			)}
			{item.icon && <Icon name={item.icon} />}
			<span>{item.label}</span>
			{item.hint && <span className={css.hint}>{item.hint}</span>}
		</>
	);
	if (item.to)
		return (
			<Link {...props} to={item.to}>
				{content}
			</Link>
		);
	return (
		<button {...props} type="button">
			{content}
		</button>
	);
}
