#!/bin/sh
# Makes the commit a release consists of: the sources, with the image in action.yml named by digest.
# usage: release-commit.sh VERSION DIGEST IMAGE
#
# The commit is on top of the current one, and on no branch: tag vVERSION points to it, and tag vMAJOR
# moves to it. Nothing is pushed. The work tree is not touched.
set -eu

fail() {
  echo "::error title=release-commit::$1" >&2
  exit 1
}
matches() { printf '%s\n' "$1" | grep -Eqx "$2"; }

[ $# = 3 ] || fail "usage: release-commit.sh VERSION DIGEST IMAGE"
version=$1 digest=$2 image=$3
number='(0|[1-9][0-9]*)'
matches "$version" "$number\\.$number\\.$number" || fail "'$version' is no version like 1.2.3"
matches "$digest" 'sha256:[0-9a-f]{64}' || fail "'$digest' is no digest like sha256:64 hex digits"
# Lower case, as registries want it; a tag or a second digest would make two sources of truth.
matches "$image" '[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+' || fail "'$image' is no image name in lower case"
[ "$(printf '%s' "$version$digest$image" | wc -l)" = 0 ] || fail "an argument has several lines"
major=${version%%.*}

top=$(git rev-parse --show-toplevel)
cd "$top"
[ -z "$(git status --porcelain)" ] || fail "the work tree has changes that are not committed"
if git rev-parse -q --verify "refs/tags/v$version" >/dev/null; then
  fail "v$version exists already"
fi
# Moving vMAJOR back would take a newer release away from those who follow it.
newest=$(git tag --list "v$major.*" | sed -n "s/^v\\($major\\.[0-9]*\\.[0-9]*\\)\$/\\1/p" | sort -V | tail -n 1)
if [ -n "$newest" ] && [ "$(printf '%s\n%s\n' "$newest" "$version" | sort -V | tail -n 1)" != "$version" ]; then
  fail "v$newest is newer than v$version"
fi
sources=$(git rev-parse --verify 'HEAD^{commit}')
[ "$(git show "$sources:action.yml" | grep -cx '  image: Dockerfile')" = 1 ] ||
  fail "action.yml does not have the line '  image: Dockerfile' exactly once"
git show "$sources:Cargo.toml" | grep -qx "version = \"$version\"" ||
  fail "Cargo.toml does not have the version $version"
git show "$sources:CHANGELOG.md" | grep -Eq "^## \\[$(printf '%s' "$version" | sed 's/\./\\./g')\\] - [0-9]{4}-[0-9]{2}-[0-9]{2}\$" ||
  fail "CHANGELOG.md has no section '## [$version] - DATE'"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git show "$sources:action.yml" |
  sed "s|^  image: Dockerfile\$|  image: docker://$image@$digest|" > "$work/action.yml"
blob=$(git hash-object -w --no-filters "$work/action.yml")
mode=$(git ls-tree "$sources" action.yml | cut -d ' ' -f 1)
GIT_INDEX_FILE="$work/index"
export GIT_INDEX_FILE
git read-tree "$sources"
git update-index --cacheinfo "$mode,$blob,action.yml"
tree=$(git write-tree)
unset GIT_INDEX_FILE
commit=$(printf 'Release v%s\n\nThe sources of %s with the image %s@%s.\n' "$version" "$sources" "$image" "$digest" |
  git commit-tree "$tree" -p "$sources")
git tag --annotate --message "v$version" "v$version" "$commit"
git tag --force "v$major" "$commit" >/dev/null
echo "$commit"
