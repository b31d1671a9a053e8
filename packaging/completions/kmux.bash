# bash completion for kmux and kmuxd: kmux itself knows what may come next.
_kmux() {
  local word candidates
  COMPREPLY=()
  mapfile -t candidates < <(printf '%s\n' "${COMP_WORDS[@]:1:COMP_CWORD}" | kmux complete "${1##*/}" 2>/dev/null)
  case ${candidates[0]} in
    @files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    @directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    *) for word in "${candidates[@]}"; do COMPREPLY+=("${word%%$'\t'*}"); done ;;
  esac
}
complete -F _kmux kmux kmuxd
