#!/bin/sh
# Makes releases in a repository of its own and looks at what they consist of.
set -eu
cd "$(dirname "$0")/.."
script=$PWD/.github/release-commit.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL

digest=sha256:$(printf '%064d' 7)
image=ghcr.io/octocat/publish-to-tableau
prepare() {
  sed "s/^version = .*/version = \"$1\"/" Cargo.toml > "$work/Cargo.toml"
  printf '\n## [%s] - 2026-03-01\n' "$1" >> "$work/CHANGELOG.md"
  git -C "$work" add .
  git -C "$work" commit --quiet --message "Prepare $1"
}
release() { (cd "$work" && sh "$script" "$@"); }
# refuses WORDS ARGUMENT... holds when the script fails with these words and leaves no tag.
refuses() {
  words=$1
  shift
  before=$(git -C "$work" for-each-ref)
  if release "$@" > "$work.said" 2>&1; then
    echo "not refused: $*" >&2
    exit 1
  fi
  if ! grep -qF "$words" "$work.said"; then
    echo "refused without '$words': $(cat "$work.said")" >&2
    exit 1
  fi
  rm "$work.said"
  [ "$before" = "$(git -C "$work" for-each-ref)" ] || { echo "refs changed: $*" >&2; exit 1; }
}
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'" >&2; exit 1; }; }

git init --quiet --initial-branch main "$work"
cp action.yml Dockerfile "$work/"
prepare 1.0.0
refuses "no version" v1.0.0 "$digest" "$image"
refuses "no version" 1.0 "$digest" "$image"
refuses "no version" 01.0.0 "$digest" "$image"
refuses "no digest" 1.0.0 sha256:abc "$image"
refuses "no image name" 1.0.0 "$digest" ghcr.io/Octocat/x
refuses "no image name" 1.0.0 "$digest" "ghcr.io/octocat/x:1.0.0"
refuses "several lines" 1.0.0 "$digest" "$image
$image"
refuses "does not have the version" 1.0.1 "$digest" "$image"
echo change >> "$work/Dockerfile"
refuses "not committed" 1.0.0 "$digest" "$image"
git -C "$work" checkout --quiet Dockerfile

commit=$(release 1.0.0 "$digest" "$image")
is "$(git -C "$work" rev-parse 'v1.0.0^{commit}')" "$commit"
is "$(git -C "$work" rev-parse 'v1^{commit}')" "$commit"
is "$(git -C "$work" cat-file -t v1.0.0)" tag
is "$(git -C "$work" rev-parse "$commit^")" "$(git -C "$work" rev-parse main)"
is "$(git -C "$work" status --porcelain)" ""
is "$(git -C "$work" diff --name-only main "$commit")" action.yml
is "$(git -C "$work" diff main "$commit" -- action.yml | grep -E '^[-+] ')" "-  image: Dockerfile
+  image: docker://$image@$digest"
refuses "exists already" 1.0.0 "$digest" "$image"

prepare 1.1.0
second=$(release 1.1.0 "$digest" "$image")
is "$(git -C "$work" rev-parse 'v1^{commit}')" "$second"
is "$(git -C "$work" rev-parse 'v1.0.0^{commit}')" "$commit"
prepare 1.0.1
refuses "is newer than" 1.0.1 "$digest" "$image"
prepare 2.0.0
third=$(release 2.0.0 "$digest" "$image")
is "$(git -C "$work" rev-parse 'v2^{commit}')" "$third"
is "$(git -C "$work" rev-parse 'v1^{commit}')" "$second"
sed -i 's/^  image: .*/  image: docker:\/\/elsewhere/' "$work/action.yml"
prepare 2.0.1
refuses "exactly once" 2.0.1 "$digest" "$image"
echo "releases are made of sources and one digest"
