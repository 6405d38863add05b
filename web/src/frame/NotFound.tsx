import { paths } from "../paths";
import { Link } from "../ui/Link";
import { EmptyState } from "../ui/States";

export function NotFound() {
	return (
		<EmptyState title="There is no such page" actions={<Link to={paths.search()}>Search traces</Link>}>
			<p>
				<code>{location.pathname}</code> leads nowhere. The link may be from another version, or cut off.
			</p>
		</EmptyState>
	);
}
