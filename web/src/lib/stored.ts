import { useState } from "react";

/** A choice of the reader's that outlives the tab: how a page looks, never what it shows. */
export function useStored(key: string, initial: string): [string, (value: string) => void] {
	const [value, setValue] = useState(() => {
		try {
			return localStorage.getItem(key) ?? initial;
		} catch {
			return initial; // storage is forbidden
		}
	});
	return [
		value,
		(next) => {
			setValue(next);
			try {
				localStorage.setItem(key, next);
			} catch {
				// The choice then lasts until the page is left.
			}
		},
	];
}
