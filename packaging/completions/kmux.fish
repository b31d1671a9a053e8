# fish completion for kmux and kmuxd: kmux itself knows what may come next.
function __kmux_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates (printf '%s\n' $typed[2..-1] "$current" | kmux complete (basename -- $typed[1]) 2>/dev/null)
    switch "$candidates[1]"
        case @files
            __fish_complete_path "$current"
        case @directories
            __fish_complete_directories "$current"
        case '*'
            printf '%s\n' $candidates
    end
end
complete -c kmux -f -a '(__kmux_complete)'
complete -c kmuxd -f -a '(__kmux_complete)'
