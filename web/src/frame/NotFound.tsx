import { useTitle } from "../lib/title";
import { paths } from "../paths";
import { Link } from "../ui/Link";
import { EmptyState } from "../ui/States";

export function NotFound() {
	useTitle("Not found");
	return (
		<EmptyState page title="There is no such page" actions={<Link to={paths.search()}>Search traces</Link>}>
			<p>
				<code>{location.pathname}</code> leads nowhere. The link may be from another version, or cut off.
			</p>
		</EmptyState>
	);
}
