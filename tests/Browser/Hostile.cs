namespace Browser.Tests;

/// <summary>Texts that would run, if a page took them for anything but text.</summary>
internal static class Hostile
{
    public const string Script = "<script>window.pwned='script'</script>";
    public const string Image = "\"><img src=x onerror=\"window.pwned='image'\">";
    public const string Mixed = "'-window.pwned='quote'-' </textarea></pre></title><svg onload=window.pwned='svg'> javascript:window.pwned='link' {{7*7}} ${7*7} <!--";
}
