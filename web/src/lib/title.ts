import { useEffect } from "react";

/** What the tab is called while the page is shown. */
export function useTitle(text: string): void {
	useEffect(() => {
		document.title = `${text} · Weft`;
		return () => {
			document.title = "Weft";
		};
	}, [text]);
}
