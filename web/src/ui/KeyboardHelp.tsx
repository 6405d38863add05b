import { keyLabel, useKeyGroups } from "../lib/keys";
import { IconButton } from "./Button";
import { Dialog } from "./Dialog";
import css from "./KeyboardHelp.module.css";

/** The keys that work on this page, from the same list that makes them work. */
export function KeyboardHelp({ onClose }: { onClose: () => void }) {
	const groups = useKeyGroups();
	return (
		<Dialog label="Keyboard" onClose={onClose}>
			<header className={css.head}>
				<h2>Keyboard</h2>
				<IconButton icon="close" label="Close" onClick={onClose} />
			</header>
			{/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
			<div className={css.scroll} tabIndex={0}>
				<div className={css.groups}>
					{groups.map((group) => (
						<section key={group.title}>
							<h3 className={css.title}>{group.title}</h3>
							<dl>
								{group.bindings.map((binding) => (
									<div key={binding.does} className={css.row}>
										<dt>{binding.does}</dt>
										<dd>
											{(typeof binding.keys === "string" ? [binding.keys] : binding.keys).map((key) => (
												<Keys key={key} keys={key} />
											))}
										</dd>
									</div>
								))}
							</dl>
						</section>
					))}
				</div>
			</div>
		</Dialog>
	);
}

export function Keys({ keys }: { keys: string }) {
	return (
		<span className={css.keys}>
			{keyLabel(keys).map((key) => (
				<kbd key={key} className={css.key}>
					{key}
				</kbd>
			))}
		</span>
	);
}
