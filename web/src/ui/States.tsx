import type { ReactNode } from "react";
import { Button } from "./Button";
import { CopyId } from "./CopyId";
import { Icon } from "./Icon";
import css from "./States.module.css";

/** Nothing there: says what was asked and how to widen. */
export function EmptyState({
	title,
	page = false,
	children,
	actions,
}: {
	title: string;
	/** It is the whole page, so its title is the page's. */
	page?: boolean;
	children?: ReactNode;
	actions?: ReactNode;
}) {
	const Title = page ? "h1" : "h2";
	return (
		<div className={css.state} role="status">
			<Title className={css.title}>{title}</Title>
			{children && <div className={css.text}>{children}</div>}
			{actions && <div className={css.actions}>{actions}</div>}
		</div>
	);
}

interface ErrorProps {
	/** What was being done: "The search did not work". */
	title: string;
	/** Why. */
	reason?: string;
	/** What to do about it. */
	hint?: string;
	/** The id that the server's log has too. */
	id?: string;
	onRetry?: () => void;
	children?: ReactNode;
}

/** It went wrong: what, why, what to do, and the id to look for. */
export function ErrorState({ title, reason, hint, id, onRetry, children }: ErrorProps) {
	return (
		<div className={css.state} role="alert">
			<h2 className={`${css.title} ${css.error}`}>
				<Icon name="warn" size={18} />
				{title}
			</h2>
			<div className={css.text}>
				{reason && <p>{reason}</p>}
				{hint && <p className="muted">{hint}</p>}
			</div>
			{children}
			<div className={css.actions}>
				{onRetry && (
					<Button icon="refresh" onClick={onRetry}>
						Try again
					</Button>
				)}
				{id && (
					<span className="muted">
						error id <CopyId id={id} whole />
					</span>
				)}
			</div>
		</div>
	);
}

/** A line above a list that is not the whole truth. */
export function Notice({
	tone,
	children,
	action,
}: {
	tone: "warn" | "error" | "plain";
	children: ReactNode;
	action?: ReactNode;
}) {
	return (
		<div className={`${css.notice} ${css[tone]}`} role="status">
			{tone !== "plain" && <Icon name="warn" />}
			<span className={css.noticeText}>{children}</span>
			{action}
		</div>
	);
}
