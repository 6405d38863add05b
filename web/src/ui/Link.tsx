import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { href } from "../lib/base";
import { useGo } from "../lib/go";

interface Props extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
	/** A path of paths.ts. */
	to: string;
	replace?: boolean;
}

/** A link inside the app: a real <a>, so that it opens in a new tab, copies and previews. */
export function Link({ to, replace, onClick, ...rest }: Props) {
	const go = useGo();
	const follow = (event: MouseEvent<HTMLAnchorElement>) => {
		onClick?.(event);
		if (event.defaultPrevented || event.button !== 0 || rest.target) return;
		if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
		event.preventDefault();
		go(to, { replace });
	};
	return <a {...rest} href={href(to)} onClick={follow} />;
}
