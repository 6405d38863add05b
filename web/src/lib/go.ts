import { useRouter } from "@tanstack/react-router";
import { useCallback } from "react";
import { href } from "./base";

/** Goes to a path of paths.ts. */
export type Go = (path: string, options?: { replace?: boolean }) => void;

export function useGo(): Go {
	const { history } = useRouter();
	return useCallback(
		(path, options) => {
			if (options?.replace) history.replace(href(path));
			else history.push(href(path));
		},
		[history],
	);
}
