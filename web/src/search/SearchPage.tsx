import { PageBar } from "../frame/PageBar";

export function SearchPage() {
	return <PageBar title="Search" />;
}
